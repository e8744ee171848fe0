/**
 * Answers the version of a bundle that one of `keys` signed: texts of 87 characters as `petitfour keys` writes them, in a list or with
 * commas between. Throws a {@link Code} as a string: `bundle/unsigned`, `bundle/key`, `bundle/signature`, or `bundle/version` below `minimum`.
 */
export function verify(bytes: Uint8Array, keys: string | readonly string[], minimum?: number): Promise<number>;
