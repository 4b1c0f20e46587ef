// Elements without HTML in strings: what comes from files and models is text and nothing else.

/**
 * A new element. properties: of the element; those with a dash are attributes, `class` too. children: nodes or text.
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "class" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}
