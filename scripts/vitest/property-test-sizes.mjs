// Set-up of every test file. Without this setting, fast-check makes lists, strings and objects of about ten parts, however large the
// `maxLength` of a property test is, so that its bounds are never reached.
import { configureGlobal, readConfigureGlobal } from 'fast-check';

configureGlobal({ ...readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true });
