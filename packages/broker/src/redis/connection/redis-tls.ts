// The certificates of TLS connections to Redis: the accepted authorities, and the certificate of this client.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { checkOptions, nearestName, type OptionRule, type OptionRules } from '@millrace/internal';
import { BrokerError } from '../../errors.js';

/** Certificates for TLS, as PEM texts. @beta */
export interface RedisTlsOptions {
  /**
   * Certificates of the authorities that may sign the server's certificate, one after the other. They replace the public
   * authorities that Node knows.
   * @defaultValue the public authorities
   */
  readonly ca?: string | undefined;
  /** Certificate of this client, with its intermediate certificates, for a server that requires one. Needs `key`. @defaultValue none */
  readonly cert?: string | undefined;
  /** Private key of `cert`, without a passphrase. @defaultValue none */
  readonly key?: string | undefined;
  /**
   * Host name that the server's certificate must have, and that is sent to the server (SNI). Needed if the certificate does
   * not contain the server's host, for example because a Sentinel names the server by its IP address.
   * @defaultValue the host in the URL
   */
  readonly serverName?: string | undefined;
}

/**
 * Certificates for TLS, or a function that returns them. The function is called for each new connection, so that a program can
 * renew its certificates without a restart. It must not throw.
 * @beta
 */
export type RedisTlsSource = RedisTlsOptions | (() => RedisTlsOptions);

// The functions below check the values.
const anyValue: OptionRule = { mustBe: 'a PEM text', isMet: () => true };
const RULES: OptionRules<RedisTlsOptions> = {
  ca: anyValue,
  cert: anyValue,
  key: anyValue,
  serverName: anyValue,
};

/** Checked options, ready for a connection. */
export interface TlsSettings {
  readonly secureContext: SecureContext;
  readonly serverName: string | undefined;
}

/**
 * Checks the options.
 * @param isTls true if the URL asks for TLS
 * @returns `undefined` without TLS
 * @throws BrokerError `invalid_argument`. The message begins with the wrong option: `tls.key …`
 * @beta
 */
export function resolveRedisTls(options: RedisTlsOptions = {}, isTls: boolean): TlsSettings | undefined {
  const refuse = (fault: string) => new BrokerError('invalid_argument', `tls.${fault}`);
  const { ca, cert, key, serverName } = checkOptions(options, RULES, refuse, nearestName);
  const [given] =
    Object.entries({ ca, cert, key, serverName }).find(([, value]) => value !== undefined) ?? [];
  if (!isTls) {
    if (given === undefined) return undefined;
    throw invalid(given, 'has no effect without TLS: begin the url with rediss:// or rediss+sentinel://');
  }
  if (ca !== undefined) certificatesIn('ca', ca);
  checkServerName(serverName);
  checkClientCertificate(cert, key);
  const pems = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  try {
    return { secureContext: createSecureContext(pems), serverName };
  } catch (cause) {
    const message = `tls cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new BrokerError('invalid_argument', message, { cause });
  }
}

/**
 * Checks the certificates, and returns a function that returns those for the next connection. Renewed certificates that cannot be
 * used change nothing: the last usable ones stay in use.
 * @param isTls true if the URL asks for TLS
 * @returns `undefined` without TLS
 * @throws BrokerError `invalid_argument`, as {@link resolveRedisTls}
 */
export function renewableTls(source: RedisTlsSource = {}, isTls: boolean): (() => TlsSettings) | undefined {
  const read = typeof source === 'function' ? source : () => source;
  let options = read();
  const first = resolveRedisTls(options, isTls);
  if (first === undefined) return undefined;
  let usable: TlsSettings = first;
  return () => {
    const now = read();
    // The certificates are checked again only if the source returns another object.
    if (now === options) return usable;
    options = now;
    try {
      usable = resolveRedisTls(now, isTls) ?? usable;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
    }
    return usable;
  };
}

function checkClientCertificate(cert: string | undefined, key: string | undefined): void {
  if (cert !== undefined && key === undefined)
    throw invalid('cert', 'needs its private key: give tls.key too');
  if (key === undefined) return;
  if (cert === undefined) throw invalid('key', 'needs its certificate: give tls.cert too');
  const [own] = certificatesIn('cert', cert);
  if (own?.checkPrivateKey(privateKeyIn(key)) === false)
    throw invalid('key', 'is not the private key of tls.cert');
}

function checkServerName(name: unknown): void {
  if (name === undefined) return;
  if (typeof name !== 'string' || !/^[A-Za-z0-9._-]{1,253}$/.test(name) || isIP(name) !== 0)
    throw invalid('serverName', 'must be a host name');
}

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;

function certificatesIn(option: string, pem: unknown): readonly X509Certificate[] {
  const blocks = typeof pem === 'string' ? (pem.match(PEM_CERTIFICATE) ?? []) : [];
  if (blocks.length === 0) {
    throw invalid(option, 'must be the text of a certificate in PEM form: -----BEGIN CERTIFICATE-----…');
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw invalid(option, 'contains a certificate that cannot be read', cause);
  }
}

function privateKeyIn(pem: unknown) {
  if (typeof pem !== 'string' || !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw invalid('key', 'must be the text of a private key in PEM form: -----BEGIN PRIVATE KEY-----…');
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isLocked = pem.includes('ENCRYPTED');
    throw invalid('key', isLocked ? 'is encrypted: give it without a passphrase' : 'cannot be read', cause);
  }
}

/** The message leaves out the text of the cause, which may contain a part of the key. */
function invalid(option: string, what: string, cause?: unknown): BrokerError {
  return new BrokerError('invalid_argument', `tls.${option} ${what}`, { cause });
}
