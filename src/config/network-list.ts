import { isIP } from 'node:net';
import { ValidatorConstraint, type ValidationArguments, type ValidatorConstraintInterface } from 'class-validator';

/** Entries of a list that is separated by commas or blanks. */
export function listedIn(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** An address, or a network: an address with the length of its prefix. */
function isNetwork(text: string): boolean {
  const [, address = '', prefix = '0'] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}

@ValidatorConstraint({ name: 'networks' })
export class IsNetworks implements ValidatorConstraintInterface {
  validate(text: unknown): boolean {
    return typeof text === 'string' && listedIn(text).every(isNetwork);
  }

  defaultMessage({ value }: ValidationArguments): string {
    const wrong = listedIn(String(value)).filter((each) => !isNetwork(each));
    return `$property must be addresses or networks, separated by commas; not so: ${wrong.join(', ')}`;
  }
}
