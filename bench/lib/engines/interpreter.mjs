/** A yardstick, no product: the plain interpreter that one would write in an afternoon. */
import { accepts, inRollout } from "../reference.mjs";

export const title = "plain interpreter, written for this";

export function open({ campaigns }) {
  const list = JSON.parse(JSON.stringify(campaigns.map(({ id, tree, rollout }) => ({ id, tree, rollout }))));
  return (visitor) => {
    for (const campaign of list) if (accepts(campaign.tree, visitor) && inRollout(campaign, visitor.id)) return campaign.id;
    return null;
  };
}
