/** GrowthBook: one feature, a force rule for each campaign, its own hash for coverage. */
export const title = "GrowthBook";

const OPERATORS = { gt: "$gt", gte: "$gte", lt: "$lt", lte: "$lte", in: "$in" };

function condition(tree) {
  if (tree.attr !== undefined) {
    return { [tree.attr]: tree.op === "eq" ? tree.value : { [OPERATORS[tree.op]]: tree.value } };
  }
  // Three different attributes in every tree, so an AND of leaves is one object.
  return tree.op === "or" ? { $or: tree.args.map(condition) } : Object.assign({}, ...tree.args.map(condition));
}

/** The engine's own format of the campaigns. */
export function payload({ campaigns }) {
  const rules = campaigns.map(({ id, tree, rollout }) => ({
    condition: condition(tree),
    force: id,
    ...(rollout < 100 && { coverage: rollout / 100, hashAttribute: "id", seed: id, hashVersion: 2 }),
  }));
  return { features: { decide: { defaultValue: null, rules } } };
}

export async function open(workload) {
  const { GrowthBookClient } = await import("@growthbook/growthbook");
  const client = new GrowthBookClient();
  client.initSync({ payload: payload(workload) });
  return (attributes) => client.evalFeature("decide", { attributes }).value;
}
