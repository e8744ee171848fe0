declare module "*.pf4" {
  const bytes: ArrayBuffer;
  export default bytes;
}
