/** Adobe Target's on-device decisioning: one mbox, a rule for each campaign, its own allocation; calls are asynchronous. */
import { jsonLogic } from "../reference.mjs";

export const title = "Adobe Target, on device";

export async function open({ campaigns }) {
  const { default: imported } = await import("@adobe/target-decisioning-engine");
  const start = imported.default ?? imported;
  const rules = campaigns.map(({ id, tree, rollout }, at) => ({
    ruleKey: String(at),
    condition: {
      and: [
        jsonLogic(tree, (attribute) => `mbox.${attribute}`),
        ...(rollout >= 100 ? [] : [{ "<": [{ var: "allocation" }, rollout] }]),
      ],
    },
    consequence: { name: "decide", options: [{ type: "json", content: { id }, eventToken: `token${at}` }], metrics: [] },
    meta: {
      "activity.id": 1000 + at,
      "activity.name": id,
      "activity.type": "ab",
      "experience.id": 0,
      "experience.name": "A",
      "location.name": "decide",
      "location.type": "mbox",
      "location.id": 0,
      "audience.ids": [],
      "offer.id": 1,
      "offer.name": id,
      "option.id": 1,
      "option.name": "one",
    },
  }));
  const engine = await start(
    {
      client: "bench",
      organizationId: "bench",
      pollingInterval: 0,
      artifactPayload: {
        version: "1.0.0",
        meta: { clientCode: "bench", environment: "production", generatedAt: "2026-01-01T00:00:00.000Z" },
        globalMbox: "target-global-mbox",
        geoTargetingEnabled: false,
        responseTokens: [],
        remoteMboxes: [],
        remoteViews: [],
        localMboxes: ["decide"],
        localViews: [],
        rules: { mboxes: { decide: rules }, views: {} },
      },
      sendNotificationFunc: () => Promise.resolve(),
      telemetryEnabled: false,
      logger: { debug() {}, error() {} },
      fetchApi: () => Promise.reject(new Error("offline")),
    },
    { addArtifactRequestEntry() {}, addDeliveryRequestEntry() {}, addTelemetryToDeliveryRequest: (request) => request },
  );
  return async (visitor) => {
    const mboxes = [{ index: 0, name: "decide", parameters: visitor }];
    // Prefetch, so that no display notification is built: what is seen is reported by no engine here.
    const request = { id: { tntId: visitor.id }, context: { channel: "web" }, prefetch: { mboxes } };
    const answer = await engine.getOffers({ request, sessionId: "bench" });
    return answer.prefetch.mboxes[0].options?.[0]?.content.id ?? null;
  };
}
