/** As much of it as is used; there is no such module on Node. https://bun.com/docs/runtime/ffi */
declare module "bun:ffi" {
  interface Signature {
    readonly args: readonly "i32"[];
    readonly returns: "i32";
  }
  export function dlopen<Name extends string>(
    library: string,
    functions: Readonly<Record<Name, Signature>>,
  ): { readonly symbols: Readonly<Record<Name, (...args: number[]) => number>> };
}
