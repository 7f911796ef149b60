/**
 * Where the SDK of AWS may have its credentials from, by the features that it notes for its own user agent. The more special
 * comes first: a profile may lead to SSO, and web identity is named in the environment.
 */
const SOURCES: readonly (readonly [feature: RegExp, words: string])[] = [
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
 * Where AWS credentials are from, in words for people: `the environment`. `undefined` where the SDK does not tell.
 *
 * @param credentials what the SDK's provider gave; only the note beside the secrets is read
 */
export function awsSource(credentials: object): string | undefined {
  const noted = '$source' in credentials ? credentials.$source : undefined;
  if (typeof noted !== 'object' || noted === null) return undefined;
  const features = Object.keys(noted);
  return SOURCES.find(([feature]) => features.some((name) => feature.test(name)))?.[1];
}
