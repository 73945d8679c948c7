// Applies the chosen colours before the first paint. A classic script on purpose: modules run
// after it, and the page would flash in the other theme.
(function () {
  const key = "plimsoll-theme";
  const root = document.documentElement;

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  // Storage is refused in some private windows; the system's choice then stands.
  function stored() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  apply(stored());
  window.plimsollTheme = {
    get: () => root.dataset.theme ?? "auto",
    set(theme) {
      apply(theme);
      try {
        localStorage.setItem(key, theme);
      } catch {
        // The choice lasts as long as the tab.
      }
    },
  };
})();
