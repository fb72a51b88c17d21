package io.github.rwkv4j.examples.chat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The machine's own browser, driven by Playwright. */
record Chromium(Playwright playwright, Browser browser) implements AutoCloseable {
    private static final List<String> ARGUMENTS = List.of(
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run");

    /** Needs chromium, node and npm. */
    static Chromium launch() throws IOException, InterruptedException {
        Path executable = RequiredProgram.find("chromium");
        Path driver = NodeProject.install("playwright").directory();
        Files.createSymbolicLink(driver.resolve("package"), driver.resolve("node_modules/playwright-core"));
        System.setProperty("playwright.cli.dir", driver.toString());
        Playwright playwright = Playwright.create(new Playwright.CreateOptions()
                .setEnv(Map.of(
                        "PLAYWRIGHT_NODEJS_PATH",
                        RequiredProgram.find("node").toString(),
                        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD",
                        "1")));
        BrowserType.LaunchOptions options =
                new BrowserType.LaunchOptions().setExecutablePath(executable).setArgs(ARGUMENTS);
        return new Chromium(playwright, playwright.chromium().launch(options));
    }

    @Override
    public void close() {
        playwright.close();
    }
}
