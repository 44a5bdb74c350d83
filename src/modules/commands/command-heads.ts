import { Injectable } from '@nestjs/common';
import { CommandRepository, type CommandHead } from './command.repository.js';

const MAX_KNOWN = 500;

/** Orders by number, in memory: what products ask for belongs to few of them, and they never change (but for their end). */
@Injectable()
export class CommandHeads {
  private readonly known = new Map<string, CommandHead>();

  constructor(private readonly repository: CommandRepository) {}

  async get(seq: string): Promise<CommandHead> {
    const known = this.known.get(seq);
    if (known !== undefined) return known;
    const [found] = await this.repository.bySeq([seq]);
    if (found === undefined) throw new Error(`a target of a command that is gone: ${seq}`);
    this.known.set(seq, found);
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
    return found;
  }
}
