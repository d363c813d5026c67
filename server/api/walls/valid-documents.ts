import type { DocumentNode, GraphQLError, GraphQLSchema } from 'graphql';
import { faultsOf } from './document.js';

/** Tokens of all documents that are kept: some 500 bytes each. */
const TOKENS_KEPT_MAX = 100_000;

/**
 * Documents that were found valid, so that each is parsed and validated once: Apollo's document store. What is not valid is not
 * kept, and cannot crowd out what is.
 */
export class ValidDocuments {
  private readonly documents = new Map<string, DocumentNode>();
  private readonly keys = new WeakMap<DocumentNode, string>();
  private tokens = 0;

  constructor(private readonly schema: GraphQLSchema) {}

  /** What is wrong with a document; nothing, where it is valid. */
  faultsOf(document: DocumentNode): readonly GraphQLError[] {
    const key = this.keys.get(document);
    if (key !== undefined && this.documents.get(key) === document) return [];
    const faults = faultsOf(this.schema, document);
    if (faults.length === 0 && key !== undefined) this.keep(key, document);
    return faults;
  }

  async get(key: string): Promise<DocumentNode | undefined> {
    return this.documents.get(key);
  }

  /** Parsed; whether it is valid is not known yet. */
  async set(key: string, document: DocumentNode): Promise<void> {
    this.keys.set(document, key);
  }

  async delete(key: string): Promise<void> {
    this.tokens -= tokensOf(this.documents.get(key));
    this.documents.delete(key);
  }

  private keep(key: string, document: DocumentNode): void {
    this.tokens += tokensOf(document) - tokensOf(this.documents.get(key));
    this.documents.set(key, document);
    while (this.tokens > TOKENS_KEPT_MAX) void this.delete(this.documents.keys().next().value as string);
  }
}

function tokensOf(document: DocumentNode | undefined): number {
  return document?.tokenCount ?? 0;
}
