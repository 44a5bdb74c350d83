/** Where this server's own listeners are reached; null while one is off or not open yet. */
export abstract class ListenerAddresses {
  /** `http://host:port`. */
  abstract get httpUrl(): string | null;
  abstract get httpsUrl(): string | null;
}
