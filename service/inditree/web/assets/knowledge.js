// What is known of INDI's standard properties: where a device is connected, what stops it, what moves a roof.

// What is said of a device whose link was lost and may come back.
export const STALE = "Its link is lost: this is what it said last";

// The switch that says whether a device is connected, and whether it is; null for a device without one.
export function connection(properties) {
  const property = properties?.get("CONNECTION");
  if (!property || property.kind !== "Switch") return null;
  const on = property.items.find((item) => item.name === "CONNECT");
  return on ? { property, connected: on.value === true } : null;
}

// The property that stops what the device does, undefined where it has none.
export function abortOf(properties) {
  for (const property of properties?.values() ?? []) {
    if (property.kind === "Switch" && property.perm !== "ro" && /(^|_)ABORT(_|$)/.test(property.name)) return property;
  }
  return undefined;
}

// Every property that stops a device which is connected.
export function aborts(devices) {
  const found = [];
  for (const properties of devices.values()) {
    const abort = abortOf(properties);
    if (abort && connection(properties)?.connected !== false) found.push(abort);
  }
  return found;
}

// Does setting it move a roof? A dome without an azimuth is a roof that rolls off.
export function movesRoof(property, properties) {
  if (/ROOF|DOME_SHUTTER|DOME_PARK$|ROLLOFF/.test(property.name)) return true;
  return property.name === "DOME_MOTION" && !properties?.has("ABS_DOME_POSITION");
}

// The worst that a device says, for its mark: off, Alert, Busy, Ok; Stale where `row`, what the status says of it, has
// it so: its link is lost, and nothing that it said counts now.
export function condition(properties, row) {
  if (row?.stale) return "Stale";
  if (connection(properties)?.connected === false) return "Off";
  let worst = "Ok";
  for (const { state } of properties?.values() ?? []) {
    if (state === "Alert") return "Alert";
    if (state === "Busy") worst = "Busy";
  }
  return worst;
}

// Why a property is in Alert: what its device said, else which of its lights are; "" where nothing tells.
export function why(property) {
  if (property.message) return property.message;
  const red = property.kind === "Light" ? property.items.filter((item) => item.value === "Alert") : [];
  return red.length ? `${red.map((item) => item.label).join(", ")} in Alert` : "";
}

// What is sent for a click on a switch: by its rule the others follow of themselves.
export function press(property, item) {
  if (property.rule === "OneOfMany") return [{ name: item.name, value: true }];
  return [{ name: item.name, value: !item.value }];
}

// What an overview says of a device, the most telling first: names of properties as globs of INDI's standard ones.
const TELLING = [
  ["CCD_EXPOSURE", "GUIDER_EXPOSURE", "CCD_TEMPERATURE", "CCD_COOLER_POWER"],
  ["EQUATORIAL_EOD_COORD", "HORIZONTAL_COORD", "TELESCOPE_PARK", "TELESCOPE_TRACK_STATE"],
  ["ABS_FOCUS_POSITION", "FOCUS_TEMPERATURE"],
  ["FILTER_SLOT", "ABS_ROTATOR_ANGLE"],
  ["DOME_SHUTTER", "ABS_DOME_POSITION", "DOME_PARK"],
  ["WEATHER_STATUS", "WEATHER_PARAMETERS"],
  ["GEOGRAPHIC_COORD", "TIME_UTC"],
].flat();

// Up to `most` pairs of property and item that say how a device is.
export function telling(properties, most = 4) {
  const found = [];
  for (const name of TELLING) {
    const property = properties?.get(name);
    if (!property) continue;
    for (const item of property.items) {
      if (property.kind === "Switch" && !item.value) continue;
      if (found.length < most) found.push({ property, item });
    }
  }
  return found;
}

// The name of the filter in a slot, "" where the wheel does not say.
export function filterName(properties, slot) {
  return properties?.get("FILTER_NAME")?.items[Math.round(slot) - 1]?.value ?? "";
}
