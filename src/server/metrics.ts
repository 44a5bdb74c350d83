import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { freeBytesIn } from '../mirror/snapshot/disk-room.js';
import { CHANNELS } from '../mirror/snapshot/channel.js';
import type { PublishedTree } from '../mirror/source/published-tree.js';
import type { ServingCounters } from '../mirror/source/serving-counters.js';
import type { MirrorStanding } from '../modules/download/download.api.js';
import { withinTime } from '../platform/promises/within-time.js';
import type { Readiness } from './readiness.js';

/** Several servers that collect metrics ask the database once. */
const REMEMBERED_MS = 15_000;
/** Whoever collects gives up after ten seconds, and then has nothing at all. */
const LONGEST_WAIT_MS = 3000;

export interface MetricSources {
  counters: ServingCounters;
  readiness: Readiness;
  certificate: { notAfter: Date | null };
  tree: PublishedTree;
  dataDir: string;
  /** Undefined while there is no application, because there is no database. */
  standing: () => Promise<MirrorStanding> | undefined;
}

/** Metrics of this process; one registry for each server, so that tests may run several. */
export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addServing(registry, sources);
  addHealth(registry, sources);
  addStanding(registry, sources);
  return registry;
}

function addServing(registry: Registry, { counters, tree }: MetricSources): void {
  new Counter({
    name: 'haishin_source_answers_total',
    help: 'Answers of the update source, by channel and status.',
    labelNames: ['channel', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, status, answers } of counters.totals())
        this.inc({ channel, status: String(status) }, answers);
    },
  });
  new Counter({
    name: 'haishin_source_bytes_total',
    help: 'Bytes of bodies that the update source sent, by channel.',
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, bytes } of counters.totals()) this.inc({ channel }, bytes);
    },
  });
  new Gauge({
    name: 'haishin_channel_published_seconds',
    help: 'Unix time at which what the channel serves was published; absent before the first.',
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      this.reset();
      for (const channel of CHANNELS) {
        const snapshot = tree.currentSnapshot(channel);
        if (snapshot !== null) this.set({ channel }, seconds(new Date(snapshot.publishedAt)));
      }
    },
  });
}

function addHealth(registry: Registry, { readiness, certificate, dataDir }: MetricSources): void {
  new Gauge({
    name: 'haishin_ready',
    help: '1 when the server can do all of its work.',
    registers: [registry],
    collect() {
      this.set(readiness.ready ? 1 : 0);
    },
  });
  new Gauge({
    name: 'haishin_certificate_not_after_seconds',
    help: 'Unix time at which the certificate in use expires; absent without HTTPS.',
    registers: [registry],
    collect() {
      this.reset();
      if (certificate.notAfter !== null) this.set(seconds(certificate.notAfter));
    },
  });
  new Gauge({
    name: 'haishin_disk_free_bytes',
    help: 'What downloads may still write to the disk of the data directory.',
    registers: [registry],
    collect() {
      this.reset();
      try {
        this.set(freeBytesIn(dataDir));
      } catch {
        // A disk that cannot be looked at has no figure; haishin_ready and the log say what is wrong.
      }
    },
  });
}

/** Absent while the database is: a figure from before would look like a good one. */
function addStanding(registry: Registry, { standing }: MetricSources): void {
  const read = remembered(standing);
  new Gauge({
    name: 'haishin_download_last_finished_seconds',
    help: 'Unix time at which a download last ended, by the state in which it ended.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const known = await read();
      this.reset();
      for (const { state, at } of known?.lastFinished ?? []) this.set({ state }, seconds(at));
    },
  });
  new Gauge({
    name: 'haishin_component_update_needed',
    help: '1 when the source offers something newer than the default channel serves.',
    labelNames: ['component'],
    registers: [registry],
    async collect() {
      const known = await read();
      this.reset();
      for (const { id, updateNeeded } of known?.components ?? []) this.set({ component: id }, updateNeeded ? 1 : 0);
    },
  });
  new Gauge({
    name: 'haishin_component_unknown_since_seconds',
    help: 'Unix time since which it is not known what the source offers, with the reason; absent while it is known.',
    labelNames: ['component', 'reason'],
    registers: [registry],
    async collect() {
      const known = await read();
      this.reset();
      for (const { id, unknown } of known?.components ?? [])
        if (unknown !== null) this.set({ component: id, reason: unknown.reason }, seconds(unknown.since));
    },
  });
}

function remembered(ask: MetricSources['standing']): () => Promise<MirrorStanding | undefined> {
  let answer: Promise<MirrorStanding | undefined> = Promise.resolve(undefined);
  let asked = -Infinity;
  return () => {
    if (performance.now() - asked > REMEMBERED_MS) {
      asked = performance.now();
      answer = withinTime(ask() ?? Promise.resolve(undefined), LONGEST_WAIT_MS).catch(() => undefined);
    }
    return answer;
  };
}

function seconds(at: Date): number {
  return at.getTime() / 1000;
}
