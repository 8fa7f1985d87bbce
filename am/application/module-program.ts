/** A bundled TypeScript or JavaScript program as the application's program: its `main(env)` runs here. */
