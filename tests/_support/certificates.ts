/** Certificates that are made for one test, with the system's openssl. */

/** A self-signed certificate in a folder of its own, as `cert.pem` and `key.pem`. */
export interface Certificate extends AsyncDisposable {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
}

/** Whether certificates can be made here; tests that need one are ignored where not. */
export const hasOpenssl = canRun("openssl", ["version"]);

/** Tells whether a program is installed. */
export function canRun(program: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args: [...args], stdin: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Makes a certificate for `localhost` and 127.0.0.1, or for other names as openssl takes them: `DNS:api.example`. */
export async function makeCertificate(names = "DNS:localhost,IP:127.0.0.1"): Promise<Certificate> {
  const folder = await Deno.makeTempDir();
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=conductor-test";
  // One that may sign others would be refused as a server's own.
  const limits = ["-addext", `subjectAltName=${names}`, "-addext", "basicConstraints=critical,CA:FALSE"];
  const files = ["-keyout", "key.pem", "-out", "cert.pem"];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...request.split(" "), ...limits, ...files],
    cwd: folder,
  }).output();
  if (!success) throw new Error(`Cannot make a certificate: ${new TextDecoder().decode(stderr)}`);
  return {
    folder,
    cert: await Deno.readTextFile(`${folder}/cert.pem`),
    key: await Deno.readTextFile(`${folder}/key.pem`),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
