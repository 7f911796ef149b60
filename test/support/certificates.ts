import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun } from './run.js';

/** PEM files of a server certificate by a private authority. */
export interface Certificates {
  readonly caFile: string;
  /** For `localhost`, 127.0.0.1 and 0.0.0.0, which reaches this machine but is not a loopback address. */
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Creates a private authority and a server certificate in a directory, valid for a day. Needs openssl.
 * @param names Further host names of the certificate.
 */
export async function makeCertificates(
  directory: string,
  names: readonly string[] = [],
): Promise<Certificates> {
  const openssl = (args: string): Promise<string> => mustRun('openssl', args.split(' '), { cwd: directory });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  await writeFile(
    join(directory, 'server.ext'),
    `subjectAltName=${['DNS:localhost', 'IP:127.0.0.1', 'IP:0.0.0.0', ...names.map((name) => `DNS:${name}`)].join()}\nbasicConstraints=CA:FALSE\n`,
  );
  await openssl(`req -x509 ${newKey} -subj /CN=multiarch-test-authority -days 1 -keyout ca.key -out ca.pem`);
  await openssl(`req ${newKey} -subj /CN=localhost -keyout server.key -out server.csr`);
  await openssl(
    'x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile server.ext -out server.pem',
  );
  return {
    caFile: join(directory, 'ca.pem'),
    certFile: join(directory, 'server.pem'),
    keyFile: join(directory, 'server.key'),
  };
}

/** Creates a client certificate by the authority that {@link makeCertificates} created in the directory. Needs openssl. */
export async function makeClientCertificate(
  directory: string,
  name: string,
): Promise<{ readonly certFile: string; readonly keyFile: string }> {
  const openssl = (args: string): Promise<string> => mustRun('openssl', args.split(' '), { cwd: directory });
  await openssl(
    `req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`,
  );
  await openssl(
    `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -out ${name}.pem`,
  );
  return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`) };
}
