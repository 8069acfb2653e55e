/** What a message or a stored record may hold: JSON-like data plus bytes. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };
