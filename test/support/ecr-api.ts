import { json, read, FakeServer, type Answer, type FakeServerOptions } from './fake-server.js';

/** An error response of the AWS API. */
export interface AwsApiError {
  readonly status: number;
  /** The error type of the API: `AccessDeniedException`. */
  readonly type: string;
  readonly message: string;
}

/**
 * The operations of the Amazon ECR API for logins: GetAuthorizationToken of the private and the public registry (AWS JSON
 * 1.1). Each response has a new password.
 */
export class EcrApi extends FakeServer {
  /** The called operations, with the service: `AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken`. */
  readonly calls: string[] = [];
  /** An error response instead of a login. */
  rejection: AwsApiError | undefined;
  /** The lifetime of a login, in milliseconds. */
  lifetime = 12 * 3600_000;
  #port = 0;
  #given = 0;

  static async start(options: FakeServerOptions = {}): Promise<EcrApi> {
    const api = new EcrApi(options);
    api.#port = await api.listen(async (request) => {
      await read(request);
      const target = request.headers['x-amz-target'];
      return api.#answer(typeof target === 'string' ? target : '');
    });
    return api;
  }

  /** Directs the AWS SDK to this server, with credentials from the environment only. */
  get env(): Record<string, string> {
    const url = `http://127.0.0.1:${this.#port}`;
    return { AWS_ENDPOINT_URL_ECR: url, AWS_ENDPOINT_URL_ECR_PUBLIC: url, ...withAws };
  }

  get port(): number {
    return this.#port;
  }

  /** The most recently issued password. */
  get password(): string {
    return `password-${this.#given}`;
  }

  #answer(target: string): Answer {
    this.calls.push(target);
    if (this.rejection !== undefined) {
      const { status, type, message } = this.rejection;
      return json(status, { __type: type, message });
    }
    this.#given += 1;
    const data = {
      authorizationToken: Buffer.from(`AWS:${this.password}`).toString('base64'),
      expiresAt: (Date.now() + this.lifetime) / 1000,
    };
    // The public API returns an object, the private API an array.
    return json(200, { authorizationData: target.startsWith('Spencer') ? data : [data] });
  }
}

/** Keeps the SDK from the configuration files and the instance metadata service of this machine. */
export const withoutAws = {
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const;

/** AWS credentials in the environment only. */
export const withAws = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  ...withoutAws,
} as const;
