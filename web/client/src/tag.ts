/** The one-tag build: starts by itself from the attributes of its own script tag. */
export {};
