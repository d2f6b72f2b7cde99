declare module 'virtual:words/en' { const words: import('./words').Words; export default words; }
declare module 'virtual:words/zh-CN' { const words: import('./words').Words; export default words; }
declare module 'virtual:page-style' { const css: string; export default css; }
declare module 'virtual:glyphs' { const svg: string; export default svg; }
declare module 'virtual:colours.css' {}
declare module 'virtual:words/*' { const words: import('./words').Words; export default words; }
