import { json, read, RecordingServer, type Answer, type RecordingOptions } from './recording-server.js';

/** A refusal of the AWS API. */
export interface AwsRefusal {
  readonly status: number;
  /** The API's name for it: `AccessDeniedException`. */
  readonly type: string;
  readonly message: string;
}

/**
 * Amazon ECR's own API, as far as logins go: GetAuthorizationToken of the private registry and of the public one (AWS JSON
 * 1.1). The password is another one each time.
 */
export class EcrApi extends RecordingServer {
  /** The operations that were called, with the service: `AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken`. */
  readonly calls: string[] = [];
  /** What is answered in place of a login. */
  refusal: AwsRefusal | undefined;
  /** How long a login lasts, in milliseconds. */
  lifetime = 12 * 3600_000;
  #port = 0;
  #given = 0;

  static async start(options: RecordingOptions = {}): Promise<EcrApi> {
    const api = new EcrApi(options);
    api.#port = await api.listen(async (request) => {
      await read(request);
      const target = request.headers['x-amz-target'];
      return api.#answer(typeof target === 'string' ? target : '');
    });
    return api;
  }

  /** Makes the SDK of AWS come here, with credentials from the environment and from nowhere else. */
  get env(): Record<string, string> {
    const url = `http://127.0.0.1:${this.#port}`;
    return { AWS_ENDPOINT_URL_ECR: url, AWS_ENDPOINT_URL_ECR_PUBLIC: url, ...withAws };
  }

  get port(): number {
    return this.#port;
  }

  /** The password that was given out last. */
  get password(): string {
    return `password-${this.#given}`;
  }

  #answer(target: string): Answer {
    this.calls.push(target);
    if (this.refusal !== undefined) {
      const { status, type, message } = this.refusal;
      return json(status, { __type: type, message });
    }
    this.#given += 1;
    const data = {
      authorizationToken: Buffer.from(`AWS:${this.password}`).toString('base64'),
      expiresAt: (Date.now() + this.lifetime) / 1000,
    };
    // The public registry has one for all, a private one an array.
    return json(200, { authorizationData: target.startsWith('Spencer') ? data : [data] });
  }
}

/** Keeps the SDK from whatever this machine has: its files, and the address that gives instances their role. */
export const withoutAws = {
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const;

/** AWS credentials in the environment, and nowhere else. */
export const withAws = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  ...withoutAws,
} as const;
