/** What a fleet has done so far; one object for all its products, read while they work. */
export class FleetCounters {
  /** Products that have told the server about themselves. */
  enrolled = 0;
  polls = 0;
  /** Polls that the server holds at this moment. */
  held = 0;
  /** Updates that were begun, and how they ended. */
  started = 0;
  succeeded = 0;
  failed = 0;
  cancelled = 0;
  cancelsRefused = 0;
  commands = 0;
  bytes = 0;
  /** Requests that the server refused or that did not reach it. */
  errors = 0;
  /** Feedback for actions that had ended. */
  gone = 0;
  lastError: string | null = null;
}
