/** A mistake that the user can mend: commands print its message as one line, and exit with `exitCode`. */
export class UserError extends Error {
  override name = 'UserError';

  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}
