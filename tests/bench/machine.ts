/** Facts without which figures say nothing. */

/** The machine and its programs. */
export interface Machine {
  /** How many cores it has for us; peers, backends and generator share them. */
  readonly cores: number;
  /** The operating system and the architecture. */
  readonly system: string;
  /** The version of Deno. */
  readonly deno: string;
}

/** Describes this machine. */
export function describeMachine(): Machine {
  const { os, arch } = Deno.build;
  return { cores: navigator.hardwareConcurrency, system: `${os} ${arch}`, deno: Deno.version.deno };
}
