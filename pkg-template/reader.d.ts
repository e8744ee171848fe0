/**
 * The third module: what consent platforms and pages say, read to numbers. It keeps nothing; the session is told by
 * what it answers. `petitfour` loads it by itself when there is something to read.
 */
export interface Reader {
  /**
   * What signals permit under a policy, as `Session.policy` gives it. `signals` are names and values in turn, separated
   * by NUL. Bits 0 to 3 are the permissions, 8 to 15 who was heard, 16 to 23 the number of a fault.
   */
  permissions(policy: Uint8Array, signals: string): number;
  /** The stable code of a fault's number; empty for none. */
  fault(number: number): string;
  /**
   * Digests of an identifier, 33 bytes each: kind and forms, SHA-256. One byte is the number of a refusal. An e-mail
   * address has to come in lower case (`toLowerCase`); a ready digest in base64 as it is.
   */
  identify(namespace: number, text: string, limited: boolean): Uint8Array;
  /**
   * As `identify`, of a phone number as it is dialled within the country of that calling code; 0: with its country's
   * code, though perhaps without "+".
   */
  phone(text: string, country: number): Uint8Array;
  /** As `identify`, of a partner's; `source` is its domain, as in OpenRTB's `eids`. */
  partner(source: string, id: string): Uint8Array;
  /** As `identify`, of the click ids in a page's address. */
  clicks(address: string): Uint8Array;
  /** The stable code of a refusal's number; empty for none. */
  refusal(number: number): string;
}

/** Opens the module; asking again is cheap. */
export function open(): Promise<Reader>;
