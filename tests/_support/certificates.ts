/** Certificates for one test, made by the system's `openssl`. */

/** A self-signed certificate in its own folder, as `cert.pem` and `key.pem`. */
export interface Certificate extends AsyncDisposable {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
}

/** True if `openssl` is installed. Tests that need a certificate are ignored otherwise. */
export const hasOpenssl = canRun("openssl", ["version"]);

/** Reports whether a program is installed and succeeds with the arguments. */
export function canRun(program: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args: [...args], stdin: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Configuration of `openssl ca`, the only command of openssl 3.0 that accepts dates in the past. */
const SELF_SIGNING = `[ca]
default_ca=self
[self]
database=index.txt
serial=serial
new_certs_dir=.
default_md=sha256
policy=any
copy_extensions=copy
[any]
commonName=supplied
`;

/** Creates a certificate for `localhost` and 127.0.0.1 that is valid between two dates, such as `20260101000000Z`. */
export async function makeDatedCertificate(startDate: string, endDate: string): Promise<Certificate> {
  const made = await makeCertificate();
  const { folder } = made;
  const openssl = async (command: string) => {
    const { success, stderr } = await new Deno.Command("openssl", { args: command.split(" "), cwd: folder }).output();
    if (!success) throw new Error(`Cannot make a certificate: ${new TextDecoder().decode(stderr)}`);
  };
  await Deno.writeTextFile(`${folder}/ca.cnf`, SELF_SIGNING);
  await Deno.writeTextFile(`${folder}/index.txt`, "");
  await Deno.writeTextFile(`${folder}/serial`, "01");
  await openssl(
    "req -new -key key.pem -out request.pem -subj /CN=conductor-test -addext subjectAltName=DNS:localhost,IP:127.0.0.1" +
      " -addext basicConstraints=critical,CA:FALSE",
  );
  await openssl(
    `ca -batch -selfsign -config ca.cnf -keyfile key.pem -in request.pem -out cert.pem -notext` +
      ` -startdate ${startDate} -enddate ${endDate}`,
  );
  return { ...made, cert: await Deno.readTextFile(`${folder}/cert.pem`) };
}

/** Creates a certificate for `localhost` and 127.0.0.1, or for other names in openssl's syntax: `DNS:api.example`. */
export async function makeCertificate(names = "DNS:localhost,IP:127.0.0.1"): Promise<Certificate> {
  const folder = await Deno.makeTempDir();
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=conductor-test";
  // rustls rejects a CA certificate as a server certificate.
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
