/** json-logic-engine, its compiled mode (`new Function`); rollout by the reference's hash as an operator of its own. */
import { jsonLogic, murmur3 } from "../reference.mjs";

export const title = "json-logic-engine, compiled";

export async function open({ campaigns }) {
  const { LogicEngine } = await import("json-logic-engine");
  const engine = new LogicEngine();
  engine.addMethod("rollout", ([campaign, visitor, share]) => murmur3(`${campaign}:${visitor}`) % 10000 < share, {
    sync: true,
    deterministic: true,
  });
  const rules = campaigns.map(({ id, tree, rollout }) => {
    const rule = jsonLogic(tree);
    return [id, engine.build(rollout >= 100 ? rule : { and: [rule, { rollout: [id, { var: "id" }, rollout * 100] }] })];
  });
  return (visitor) => {
    for (const [id, holds] of rules) if (holds(visitor)) return id;
    return null;
  };
}
