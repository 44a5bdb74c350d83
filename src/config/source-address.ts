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

/** As the library of PostgreSQL reads it: between a login and the name of the database there may be no host (`?host=/run/…`). */
@ValidatorConstraint({ name: 'databaseAddress' })
export class IsDatabaseAddress implements ValidatorConstraintInterface {
  validate(address: unknown): boolean {
    if (typeof address !== 'string' || !/^postgres(ql)?:\/\/\S+$/.test(address)) return false;
    return URL.canParse(address.replace('@/', '@localhost/'));
  }

  defaultMessage(): string {
    return '$property must be a postgres:// URL, with a port up to 65535 and with @ : / ? # in a password written as %40 %3A %2F %3F %23';
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
