// What a browser calls itself, as people call it.
const BROWSERS = [[/\bEdg/, 'Edge'], [/\bFirefox\//, 'Firefox'], [/\bChrom(e|ium)\//, 'Chrome'], [/\bSafari\//, 'Safari']] as const;
const SYSTEMS = [[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']] as const;

/** All of it where it is none that is known. */
export function called(agent: string): string {
  const of = (known: typeof BROWSERS | typeof SYSTEMS) => known.find(([sign]) => sign.test(agent))?.[1];
  const [browser, system] = [of(BROWSERS), of(SYSTEMS)];
  return browser && system ? `${browser}, ${system}` : agent;
}
