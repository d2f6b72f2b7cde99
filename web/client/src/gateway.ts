/** Servers in front of an origin say with these that it does not answer them. */
export const isGateway = (status: number): boolean => status >= 502 && status <= 504 || status >= 520 && status <= 530;
