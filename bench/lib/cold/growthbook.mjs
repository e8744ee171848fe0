/** GrowthBook: its rules as text, parsed and taken in, one decision. */
import { GrowthBookClient } from "@growthbook/growthbook";

export function first(rules, attributes) {
  const client = new GrowthBookClient();
  client.initSync({ payload: JSON.parse(rules) });
  return client.evalFeature("decide", { attributes }).value;
}
