/** Renewal begins at this share of a session's life … */
const HALF = 0.5;
/** … give or take this share of that. */
const SPREAD = 0.1;

/**
 * When in its life a session is renewed: at half of it, ± 10 % of the half, each key always at the same point, so that
 * sessions issued together are not renewed together.
 *
 * @returns milliseconds after it was issued
 */
export const renewAfterMs = (lifeMs: number, sessionKey: string): number =>
  lifeMs * HALF * (1 + SPREAD * (2 * shareOf(sessionKey) - 1));

/** In [0, 1), evenly over different texts: FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixed(hash) / 2 ** 32;
}

/** FNV's upper bits hardly differ between texts that differ at the end alone: https://github.com/aappleby/smhasher (fmix32) */
function mixed(hash: number): number {
  let mix = hash;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
