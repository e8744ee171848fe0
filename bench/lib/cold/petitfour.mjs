/** Petit Four through its package: module compiled, bundle opened, one decision. */
import { load } from "../../../pkg/node.mjs";

export async function first(bundle, { id, ...context }) {
  const client = await load({ bundle, storage: null });
  return client.decide("main", context).campaign;
}
