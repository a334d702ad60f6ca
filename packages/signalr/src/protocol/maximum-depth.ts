/*
 * The bound for nested values of both protocols.
 */

/** Maximum nesting depth of values, as in ASP.NET Core. Deeper values could overflow the stack. */
export const MAXIMUM_DEPTH = 500;
