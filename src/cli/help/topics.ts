import type { Row, Section } from './page.js';

function row(left: string, text: string): Row {
  return { left, text };
}

export const EXIT_CODES: readonly Row[] = [
  row('0', 'Done'),
  row('1', 'Any other failure; for diff: the images differ'),
  row('3', 'Not found'),
  row('4', 'Not logged in, or not allowed'),
  row('5', 'Invalid document or digest, or a requirement that is not met'),
  row('6', 'The registry is unavailable, or limits the rate of requests'),
  row('7', 'A draft or tag is not as expected'),
  row('125', 'Usage error'),
  row('130', 'Interrupted'),
];

export const NAMES: readonly Section[] = [
  {
    rows: [
      row('app:1.2', 'A draft or, if none exists, an image in a registry; completed as in docker'),
      row('HOST:PORT/REPO:TAG', 'The same in another registry; the default tag is latest'),
      row('REPO@DIGEST', 'An image by its digest'),
      row('docker://REF', 'Always in the registry: a draft of the name is ignored'),
      row('oci:DIR[:TAG|@DIGEST]', 'An image layout in a directory; also oci-layout:// and ocidir://'),
      row('oci-archive:FILE[:TAG]', 'A tar file of an image layout'),
      row('docker-archive:FILE[:REF]', 'An image of docker save; read-only'),
      row('docker-daemon:REF', 'An image of the Docker daemon; read-only'),
    ],
  },
  {
    title: 'In usage lines and options',
    rows: [
      row('NAME...', 'An argument or option that can be repeated'),
      row('NAME,...', 'An option that can be repeated, and takes several values with commas'),
      row('LIST', 'The name of an index: that of its draft, and where it is published'),
      row('IMAGE', 'An image of a draft: its source, digest or platform'),
      row('REPO', 'A repository or a layout, without a tag'),
      row('PLATFORM', 'OS/ARCH[/VARIANT], such as linux/arm64 or linux/arm/v7'),
      row('DURATION', '90s, 10m, 1h30m; a number alone is in seconds'),
      row('SIZE', 'A number of bytes, also with a unit: 8MiB, 100MB'),
    ],
  },
];

/** Every environment variable that the program reads. Those of the AWS SDK are listed as a whole. */
export const ENVIRONMENT: readonly Section[] = [
  {
    title: 'Files of this program',
    rows: [
      row('MULTIARCH_STORE', 'Directory of the drafts; see --store'),
      row('MULTIARCH_<OPTION>', 'The default of an option: MULTIARCH_RETRY_FOR; see config'),
      row('XDG_STATE_HOME', 'Directory of the drafts, in its folder multiarch/drafts'),
      row('XDG_CACHE_HOME', 'Directory of the cache, in its folder multiarch'),
      row('XDG_CONFIG_HOME', 'Directory of the configuration, and of that of podman'),
      row('HOME, USERPROFILE', 'Home directory, on Windows USERPROFILE'),
      row('APPDATA', 'On Windows: directory of the configuration'),
      row('LOCALAPPDATA', 'On Windows: directory of the drafts and the cache'),
      row('NODE_DISABLE_COMPILE_CACHE', 'If set, compiled code is not kept'),
    ],
  },
  {
    title: 'Logins',
    rows: [
      row('DOCKER_CONFIG', "Directory of docker's config.json, with logins"),
      row('DOCKER_AUTH_CONFIG', "Content of docker's config.json; takes precedence over the file"),
      row('REGISTRY_AUTH_FILE', 'File with logins, as in podman; see --authfile'),
      row('XDG_RUNTIME_DIR', "Directory of podman's logins"),
      row('PATH', 'Where credential helpers are found'),
      row('AWS_*', 'For Amazon ECR: read by the AWS SDK'),
    ],
  },
  {
    title: 'Network',
    rows: [
      row('HTTPS_PROXY, HTTP_PROXY', 'Proxy for https and http URLs; also in lower case'),
      row('ALL_PROXY', 'Proxy for both; also in lower case'),
      row('NO_PROXY', 'Hosts that are contacted without a proxy; also in lower case'),
      row('REQUEST_METHOD', 'If set, as in CGI programs, HTTP_PROXY is ignored'),
      row('SSL_CERT_FILE', 'PEM file that replaces the certificate authorities'),
      row('NODE_EXTRA_CA_CERTS', 'PEM file with more certificate authorities'),
      row('DOCKER_HOST', 'Docker daemon of docker-daemon:'),
      row('DOCKER_CERT_PATH', 'Directory of the certificates for DOCKER_HOST'),
      row('DOCKER_TLS_VERIFY', 'If set, the certificate of DOCKER_HOST is verified'),
    ],
  },
  {
    title: 'Sources',
    rows: [row('DOCKER_METADATA_OUTPUT_JSON', 'Names and annotations for create --from-metadata env')],
  },
  {
    title: 'Output',
    rows: [
      row('COLUMNS', 'Width of help'),
      row('NO_COLOR', 'If set, nothing is coloured'),
      row('LC_ALL, LC_CTYPE, LANG', 'Whether the terminal shows Unicode'),
      row('TERM', 'If dumb, nothing is coloured or drawn'),
      row('CI', 'If set, progress is not drawn'),
      row('GITHUB_ACTIONS', 'If true, push --github annotates the run'),
      row('GITHUB_OUTPUT', 'File for the outputs of push --github'),
      row('GITHUB_STEP_SUMMARY', 'File for the summary of push --github'),
    ],
  },
];
