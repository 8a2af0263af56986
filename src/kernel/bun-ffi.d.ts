/** As much of it as is used; there is no such module on Node. https://bun.com/docs/runtime/ffi */
declare module "bun:ffi" {
  interface Types {
    readonly i32: number;
    readonly u64: number;
    /** Bytes that stay where they are during the call. */
    readonly ptr: Uint8Array;
  }
  interface Signature {
    readonly args: readonly (keyof Types)[];
    readonly returns: "i32";
  }
  type Arguments<Names extends readonly (keyof Types)[]> = { -readonly [Place in keyof Names]: Types[Names[Place]] };
  export function dlopen<const Functions extends Readonly<Record<string, Signature>>>(
    library: string,
    functions: Functions,
  ): {
    readonly symbols: {
      readonly [Name in keyof Functions]: (...args: Arguments<Functions[Name]["args"]>) => number;
    };
  };
}
