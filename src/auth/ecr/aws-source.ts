/**
 * The sources of AWS credentials, by the features that the SDK reports in its user agent. The more specific come first: a
 * profile may use SSO, and web identity is configured in the environment.
 */
const SOURCES: readonly (readonly [feature: RegExp, name: string])[] = [
  [/^CREDENTIALS_PROFILE_SSO/, 'a profile with SSO'],
  [/^CREDENTIALS_PROFILE_LOGIN/, 'a profile with aws login'],
  [/^CREDENTIALS_PROFILE_PROCESS/, 'the program that a profile names'],
  [/^CREDENTIALS_PROFILE/, 'a profile'],
  [/WEB_ID/, 'web identity'],
  [/^CREDENTIALS_SSO/, 'SSO'],
  [/^CREDENTIALS_LOGIN/, 'aws login'],
  [/^CREDENTIALS_HTTP/, 'the container'],
  [/^CREDENTIALS_IMDS/, 'the instance'],
  [/^CREDENTIALS_ENV/, 'the environment'],
];

/**
 * Returns the source of AWS credentials for messages, such as `the environment`; `undefined` if the SDK does not say.
 *
 * @param credentials an identity of the SDK; only its attribution (`AttributedAwsCredentialIdentity`) is read
 */
export function awsSource(credentials: object): string | undefined {
  const attribution = '$source' in credentials ? credentials.$source : undefined;
  if (typeof attribution !== 'object' || attribution === null) return undefined;
  const features = Object.keys(attribution);
  return SOURCES.find(([feature]) => features.some((name) => feature.test(name)))?.[1];
}
