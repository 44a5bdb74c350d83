import { DdiStub } from './ddi-stub.js';
import { Sandbox } from './sandbox.js';

export interface ManagedProduct {
  stub: DdiStub;
  box: Sandbox;
}

/** A server and a product host whose agent is configured for it. */
export async function startManagedProduct(): Promise<ManagedProduct> {
  const stub = await new DdiStub().start();
  const box = new Sandbox();
  box.configure(stub.url);
  return { stub, box };
}

export async function endManagedProduct({ stub, box }: ManagedProduct): Promise<void> {
  await box.dispose();
  await stub.stop();
}
