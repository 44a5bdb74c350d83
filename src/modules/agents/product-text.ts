/**
 * A text of a product as the database can keep it: without NUL and halves of characters, and cut to `most` UTF-16 units, never
 * through the middle of a character.
 */
export function productText(text: string, most: number): string {
  const clean = text.replaceAll('\0', '').toWellFormed();
  return clean.length <= most ? clean : clean.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}
