import type { PetitFour } from "./index.js";

/** The queue before the script has run, the client after. */
export interface ScriptPetitFour extends PetitFour {
  /** Calls by name: `petitfour.push(["track", "product_viewed", { category: "water" }])`. */
  push(...calls: [name: keyof PetitFour, ...given: unknown[]][]): void;
  /** Decides anew for each placement of the page, placements that were added since included. */
  refresh(): void;
}

export interface ReadyDetail {
  loaded: boolean;
  /** The engine came after `data-timeout`, so this view keeps its default content. */
  late: boolean;
  /** Milliseconds from the script's first line to the creatives. */
  creative: number;
  placements: number;
  shown: number;
}

declare global {
  interface Window {
    petitfour: ScriptPetitFour;
  }
  interface DocumentEventMap {
    "petitfour:ready": CustomEvent<ReadyDetail>;
    "petitfour:error": CustomEvent<{ code: string }>;
  }
}
