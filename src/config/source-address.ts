import { ValidatorConstraint, type ValidatorConstraintInterface } from 'class-validator';

/** What looks like a URL but is none: a port above 65535, an unclosed bracket. */
@ValidatorConstraint({ name: 'address' })
export class IsAddress implements ValidatorConstraintInterface {
  validate(address: unknown): boolean {
    return typeof address === 'string' && (address.startsWith('/') || URL.canParse(address));
  }

  defaultMessage(): string {
    return '$property is no valid address';
  }
}

/** Paths of files are put behind the address: it must be that of the folder in which the manifest lies. */
@ValidatorConstraint({ name: 'baseFolder' })
export class IsBaseFolder implements ValidatorConstraintInterface {
  validate(address: unknown): boolean {
    if (typeof address !== 'string' || /\/server\.ini\/?$/i.test(address.replace(/[?#].*$/, ''))) return false;
    return address.startsWith('/') || !/[?#]/.test(address);
  }

  defaultMessage(): string {
    return '$property must be the folder in which server.ini lies: without server.ini itself, and without a query (?) or fragment (#)';
  }
}

/** Whoever may read the settings would read it, and so would the log. */
@ValidatorConstraint({ name: 'noLogin' })
export class IsWithoutLogin implements ValidatorConstraintInterface {
  validate(address: unknown): boolean {
    return typeof address !== 'string' || !/^https?:\/\/[^/]*@/i.test(address);
  }

  defaultMessage(): string {
    return '$property must not hold a user or a password';
  }
}
