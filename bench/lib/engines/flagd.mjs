/** flagd-core: one flag whose targeting is a chain of ifs, its own `fractional` for rollouts. */
import { jsonLogic } from "../reference.mjs";

export const title = "flagd-core";

export async function open({ campaigns }) {
  const { FlagdCore } = await import("@openfeature/flagd-core");
  const silent = { error() {}, warn() {}, info() {}, debug() {} };
  const rule = ({ id, tree, rollout }) => {
    const holds = jsonLogic(tree);
    if (rollout >= 100) return holds;
    const split = { fractional: [{ cat: [id, { var: "targetingKey" }] }, ["on", rollout], ["off", 100 - rollout]] };
    return { and: [...(holds.and ?? [holds]), { "===": [split, "on"] }] };
  };
  const variants = Object.fromEntries(campaigns.map(({ id }) => [id, id]));
  const chain = campaigns.flatMap((campaign) => [rule(campaign), campaign.id]);
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(
    JSON.stringify({
      flags: {
        decide: {
          state: "ENABLED",
          defaultVariant: "none",
          variants: { none: "none", ...variants },
          targeting: { if: [...chain, "none"] },
        },
      },
    }),
  );
  return (visitor) => {
    const context = { targetingKey: visitor.id, ...visitor };
    const { value } = core.resolveStringEvaluation("decide", "none", context, silent);
    return value === "none" ? null : value;
  };
}
