import { describe, expect, it } from 'vitest';

import { parseEcrHost } from '../../../src/auth/ecr/ecr-host.js';
import { parseReference } from '../../../src/oci/reference.js';

const account = '123456789012';

function parse(host: string): unknown {
  return parseEcrHost(parseReference(`${host}/app:1`).registry);
}

describe('parseEcrHost', () => {
  it.each([
    [`${account}.dkr.ecr.eu-west-1.amazonaws.com`, 'eu-west-1', {}],
    [`${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`, 'cn-north-1', {}],
    [`${account}.dkr.ecr.eusc-de-east-1.amazonaws.eu`, 'eusc-de-east-1', {}],
    [`${account}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`, 'us-gov-west-1', { fips: true }],
    [`${account}.dkr-ecr.us-east-1.on.aws`, 'us-east-1', { dualStack: true }],
    [`${account}.dkr-ecr-fips.us-east-1.on.aws`, 'us-east-1', { dualStack: true, fips: true }],
    [`${account}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn`, 'cn-north-1', { dualStack: true }],
    [`${account}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov`, 'us-isob-east-1', {}],
    [`${account}.dkr.ecr.us-iso-east-1.c2s.ic.gov`, 'us-iso-east-1', {}],
    [`${account}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk`, 'eu-isoe-west-1', {}],
    [`${account}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov`, 'us-isof-south-1', {}],
    [`${account}.DKR.ECR.EU-WEST-1.AMAZONAWS.COM`, 'eu-west-1', {}],
  ])('parses %s as a private registry in %s', (host, region, more) => {
    expect(parse(host)).toEqual({ kind: 'private', account, region, fips: false, dualStack: false, ...more });
  });

  it.each(['public.ecr.aws', 'ecr-public.aws.com'])('parses %s as the public registry', (host) => {
    expect(parse(host)).toEqual({ kind: 'public' });
  });

  it.each([
    ['another registry', 'ghcr.io'],
    ['an account of eleven digits', `${account.slice(1)}.dkr.ecr.eu-west-1.amazonaws.com`],
    ['a domain that goes on', `${account}.dkr.ecr.eu-west-1.amazonaws.com.example.com`],
    ['a domain that only ends alike', `${account}.dkr.ecr.eu-west-1.notamazonaws.com`],
    ['a host below another', `x.${account}.dkr.ecr.eu-west-1.amazonaws.com`],
    ['a dot written as another letter', `${account}.dkr.ecr.eu-west-1.amazonawsxcom`],
    ['a port', `${account}.dkr.ecr.eu-west-1.amazonaws.com:8443`],
    ['a public look-alike', 'public.ecr.aws.example.com'],
    ['the API of ECR itself', 'api.ecr.eu-west-1.amazonaws.com'],
  ])('rejects %s: %s', (_what, host) => {
    expect(parse(host)).toBeUndefined();
  });
});
