// The certificates of TLS connections to Redis: the accepted authorities, and the certificate of this client.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  callback,
  checkOptions,
  messageOf,
  nearestName,
  type OptionRule,
  type OptionRules,
  required,
  shown,
} from '@millrace/internal';
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

/** Certificates that a program renews without a restart. @beta */
export interface RenewableRedisTls {
  /**
   * Returns the certificates for the next connection. Called for each new connection. If it throws, or returns certificates that cannot
   * be used, the last usable ones stay in use. The first ones must be usable.
   */
  readonly read: () => RedisTlsOptions;
  /**
   * Called when renewed certificates cannot be read or used. Not called again for the same reason until usable ones are read.
   * @defaultValue a warning of the process (`process.emitWarning`)
   */
  readonly onError?: ((error: BrokerError) => void) | undefined;
}

/**
 * Certificates for TLS, or what returns them for each new connection. A function is the same as {@link RenewableRedisTls} without
 * `onError`.
 * @beta
 */
export type RedisTlsSource = RedisTlsOptions | (() => RedisTlsOptions) | RenewableRedisTls;

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
    const message = `tls cannot be used: ${messageOf(cause)}`;
    throw new BrokerError('invalid_argument', message, { cause });
  }
}

/**
 * Checks the certificates, and returns a function that returns those for the next connection. Renewed certificates that cannot be
 * read or used change nothing but are reported: the last usable ones stay in use.
 * @param isTls true if the URL asks for TLS
 * @returns `undefined` without TLS
 * @throws BrokerError `invalid_argument`, as {@link resolveRedisTls}
 */
export function renewableTls(source: RedisTlsSource = {}, isTls: boolean): (() => TlsSettings) | undefined {
  const { read, onError = warn } = renewableOf(source);
  let options = readNow(read);
  const first = resolveRedisTls(options, isTls);
  if (first === undefined) return undefined;
  let usable: TlsSettings = first;
  let reported: string | undefined;
  return () => {
    try {
      const now = readNow(read);
      // The certificates are checked again only if the source returns another object.
      if (now !== options) {
        options = now;
        usable = resolveRedisTls(now, isTls) ?? usable;
        reported = undefined;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      // A connection that cannot be opened is tried again every few seconds.
      if (reported !== error.message) report(onError, error);
      reported = error.message;
    }
    return usable;
  };
}

const RENEWABLE_RULES: OptionRules<RenewableRedisTls> = { read: required(callback), onError: callback };

function renewableOf(source: RedisTlsSource): RenewableRedisTls {
  if (typeof source === 'function') return { read: source };
  if (!isRenewable(source)) return { read: () => source };
  const refuse = (fault: string) => new BrokerError('invalid_argument', `tls.${fault}`);
  return checkOptions(source, RENEWABLE_RULES, refuse, nearestName);
}

/** True for an object with one of the two fields, also if the other one is missing or wrong. */
function isRenewable(source: RedisTlsOptions | RenewableRedisTls): source is RenewableRedisTls {
  return 'read' in source || 'onError' in source;
}

function readNow(read: () => RedisTlsOptions): RedisTlsOptions {
  let options: unknown;
  try {
    options = read();
  } catch (cause) {
    const reason = messageOf(cause);
    throw invalid('read', `threw: ${reason}`, cause);
  }
  // A promise is an object without certificates, with which the public authorities would be accepted.
  if (typeof options !== 'object' || options === null || 'then' in options)
    throw invalid(
      'read',
      `must return an object with certificates, not ${'then' in Object(options) ? 'a promise' : shown(options)}`,
    );
  return options;
}

function report(onError: (error: BrokerError) => void, error: BrokerError): void {
  try {
    onError(error);
  } catch (thrown) {
    // The connection must be opened nevertheless.
    warn(error);
    process.emitWarning(`tls.onError threw: ${String(thrown)}`, 'BrokerWarning');
  }
}

function warn(error: BrokerError): void {
  process.emitWarning(`the renewed certificates for Redis are not used: ${error.message}`, 'BrokerWarning');
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
