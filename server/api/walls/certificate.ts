import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import { UserError } from '../../../schema/user-error.js';
import { Repeated } from '../../jobs/repeated.js';
import { textOf } from '../../text-file.js';

/** A certificate with its chain and its key, PEM. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** Those who renew certificates write files and tell nobody. */
const LOOK_EVERY_MS = 5_000;

/** @throws UserError where it cannot be read, or is of no use. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const certificate = { cert: textOf(certFile, 'the certificate'), key: textOf(keyFile, 'the key') };
  try {
    createSecureContext(certificate);
  } catch (error) {
    throw new UserError(`${certFile} and ${keyFile} are no certificate and its key: ${(error as Error).message}`);
  }
  return certificate;
}

/**
 * Looks for a new certificate in the files: connections that are made from then on have it. While there is none of use
 * the server goes on with the one that it has.
 */
export function watchCertificate(
  server: Server,
  files: CertificateFiles,
  { cert, key }: Certificate,
  log: Logger,
): Repeated {
  let current = cert + key;
  let isRefused = false;
  const look = async () => {
    try {
      const found = readCertificate(files);
      isRefused = false;
      if (found.cert + found.key === current) return;
      server.setSecureContext(found);
      current = found.cert + found.key;
      log.info(files, 'a new certificate');
    } catch (error) {
      // Certificate and key may be written one after the other; what stays so is said once.
      if (!isRefused)
        log.warn({ ...files, reason: (error as Error).message }, 'no certificate of use; the former stays');
      isRefused = true;
    }
  };
  return new Repeated(look, { everyMs: LOOK_EVERY_MS, log, failure: 'the certificate was not looked for' });
}
