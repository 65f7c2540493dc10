/**
 * How many clients each address has.
 *
 * In: addresses that come and go. Out: whether one more is within the limit. It does not know what a client is.
 */

/** Where places are counted; several gateways that share one keep one limit. */
export interface AddressPlaces {
  /**
   * Takes a place for an address.
   *
   * @returns what gives it back, once however often it is called; `null` where the address has `limit` places already
   */
  take(address: string, limit: number): (() => void) | null | Promise<(() => void) | null>;
}

/** Counts places by address, within this process. */
export class AddressCount implements AddressPlaces {
  readonly #taken = new Map<string, number>();

  take(address: string, limit: number): (() => void) | null {
    const taken = this.#taken.get(address) ?? 0;
    if (taken >= limit) return null;
    this.#taken.set(address, taken + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#taken.get(address) ?? 1) - 1;
      if (left === 0) this.#taken.delete(address);
      else this.#taken.set(address, left);
    };
  }
}
