/** True for addresses that cannot run script: web, relative to `base`, mail and telephone; for images also `data:image/`. */
export function safe(address, base, image) {
  try {
    return /^(https?|mailto|tel):$/.test(new URL(address, base).protocol) || (!!image && /^\s*data:image\//i.test(address));
  } catch {
    return false;
  }
}
