/**
 * The answers of the shipped wasm, visitor by visitor, against the reference and against the native engine.
 *
 * Rollouts at 100 %: the answer must be the reference's. With rollouts: the winner must be one that the reference targets
 * (else it is invalid), nothing for everyone that stands before it may be passed over (else it was skipped), and from
 * the same seed the native engine must have given the same answer.
 */
import { openSession } from "./engines/petitfour.mjs";
import { firstTarget, targets } from "./reference.mjs";

export function verify(workload, visitors) {
  const verdict = { visitors: visitors.length, mismatches: 0, invalid: 0, skipped: 0, unsteady: 0, unlike_native: 0, nothing: 0 };
  const everyone = new Map(workload.campaigns.map(({ id, rollout }) => [id, rollout >= 100]));
  visitors.forEach((visitor, place) => {
    const seed = Uint8Array.from(Buffer.from(workload.native.seeds[place], "hex"));
    const [all, allAgain] = ask(workload.full, seed, workload, visitor);
    const expected = firstTarget(workload, visitor);
    if (all !== expected || allAgain !== expected) verdict.mismatches++;

    const [winner, again] = ask(workload.bundle, seed, workload, visitor);
    const targeted = targets(workload, visitor);
    const surely = targeted.find((id) => everyone.get(id));
    const native = workload.campaigns[workload.native.winners[place]]?.id ?? null;
    if (winner !== again) verdict.unsteady++;
    if (winner !== native) verdict.unlike_native++;
    if (winner === null) verdict.nothing++;
    else if (!targeted.includes(winner)) verdict.invalid++;
    // Names are numbered in the order of the campaigns, so text order is decision order.
    if (surely && (winner === null || winner > surely)) verdict.skipped++;
  });
  return verdict;
}

function ask(bundle, seed, workload, visitor) {
  const session = openSession(bundle, seed, workload);
  session.tell(visitor);
  const first = session.decide();
  // The second time through the other writer, so that both are held to the answers.
  session.tellKnown(visitor);
  const answers = [first, session.decide()];
  session.free();
  return answers;
}
