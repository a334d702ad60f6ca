// Tests the OpenAPI document with a validator, and with events that it must accept or refuse.
import { createOpenApiDocument } from '@millrace/api-documents';
import { eventCatalog } from '@millrace/contract';
import { eventOf, fullPayloads } from '@millrace/testkit';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { catalogOfOddNames } from './catalog-of-odd-names.js';

describe('the OpenAPI document', () => {
  test('the OpenAPI document is valid, and every reference in it has a target', async () => {
    const validator = new Validator();
    const text = JSON.stringify(createOpenApiDocument(eventCatalog));
    expect(await validator.validate(JSON.parse(text) as Record<string, unknown>)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const { components } = JSON.parse(text) as { components: { schemas: object } };
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(new Set(references)).toEqual(new Set(Object.keys(components.schemas)));
  });

  test('the OpenAPI document accepts events without IDs and timestamps, alone or in lists, and refuses wrong requests', () => {
    const ajv = new Ajv2020({ strict: false });
    (addFormats as unknown as (target: Ajv2020) => void)(ajv);
    ajv.addSchema({
      ...createOpenApiDocument(eventCatalog, { maxEventsPerRequest: 2 }),
      $id: 'urn:test:doc',
    });
    const body = '#/paths/~1v1~1events/post/requestBody/content/application~1json/schema';
    const isBody = ajv.compile({ $ref: `urn:test:doc${body}` });
    for (const type of Object.keys(fullPayloads)) {
      const { event_id: _id, timestamp: _timestamp, ...event } = eventOf(type);
      expect([type, isBody(event), isBody([event, eventOf(type)])]).toEqual([type, true, true]);
      const isOpen = eventCatalog.find(type)?.openPayload !== undefined && type !== 'chat_message';
      expect([type, isBody({ ...event, payload: {} })]).toEqual([type, isOpen]);
      expect([type, isBody({ ...event, payload: [] })]).toEqual([type, false]);
      expect(isBody([event, event, event])).toBe(false);
    }
    expect(isBody([])).toBe(false);
    expect(isBody({ ...eventOf('notification'), event_type: 'nonsense' })).toBe(false);
  });

  test('an event type whose name is not a valid key gets a valid key in the OpenAPI document', async () => {
    const document = JSON.parse(JSON.stringify(createOpenApiDocument(catalogOfOddNames()))) as Record<
      string,
      unknown
    >;
    expect(await new Validator().validate(document)).toEqual({ valid: true });
  });
});
